"""What a person sees in a browser, as the menu has it."""
