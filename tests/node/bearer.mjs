// Preloaded by node --import: every request of the program carries the key, for which it has no option.
import { subscribe } from 'node:diagnostics_channel';

const credential = `Bearer ${process.env.TOPUP_KEY}`;
subscribe('undici:request:create', ({ request }) => request.addHeader('authorization', credential));
subscribe('http.client.request.created', ({ request }) => request.setHeader('authorization', credential));
