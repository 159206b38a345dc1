// Fastify: accept, one durable row, one job. node front.js PORT
import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { Queue } from 'bullmq';
import pg from 'pg';
import { connection, databaseUrl } from './common.js';

const pool = databaseUrl && new pg.Pool({ connectionString: databaseUrl, max: 10 });
const queue = new Queue('deliveries', { connection });
const app = Fastify({ logger: false });
// The bytes are signed as they came.
app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));
app.post('/send', async (request, reply) => {
  const id = `evt_${randomUUID()}`;
  if (pool) {
    await pool.query({ name: 'event', text: 'INSERT INTO events (id, body) VALUES ($1, $2)', values: [id, request.body] });
  }
  await queue.add('deliver', { id, body: request.body }, { removeOnComplete: pool ? true : { count: 1000 } });
  reply.code(202);
  return { id };
});
await app.listen({ host: '127.0.0.1', port: Number(process.argv[2]) });
