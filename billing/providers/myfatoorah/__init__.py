"""MyFatoorah: payment links, notifications of two generations, and refunds."""
