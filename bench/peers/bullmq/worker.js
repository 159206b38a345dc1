// BullMQ's worker: signs, posts by undici over kept connections, logs the attempt.
import { createHmac } from 'node:crypto';
import { Worker } from 'bullmq';
import { Pool } from 'undici';
import pg from 'pg';
import { connection, databaseUrl } from './common.js';

const concurrency = Number(process.env.PEER_CONCURRENCY ?? 50);
const receiver = new URL(process.env.PEER_RECEIVER_URL);
const pool = databaseUrl && new pg.Pool({ connectionString: databaseUrl, max: 10 });
const http = new Pool(receiver.origin, { connections: concurrency, pipelining: 1, headersTimeout: 10_000, bodyTimeout: 10_000 });
const secret = '0123456789abcdef0123456789abcdef';

async function deliver(job) {
  const { id, body } = job.data;
  const began = performance.now();
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
  const answer = await http.request({
    method: 'POST',
    path: receiver.pathname,
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': `v1,${signature}`,
    },
  });
  await answer.body.dump();
  if (pool) {
    await pool.query({
      name: 'attempt',
      text: 'INSERT INTO attempts (event_id, status, duration_ms) VALUES ($1, $2, $3)',
      values: [id, answer.statusCode, performance.now() - began],
    });
  }
  return answer.statusCode;
}

new Worker('deliveries', deliver, { connection, concurrency });
