// Where Redis and PostgreSQL are. Without a database the job's data in Redis are the record.
export const connection = { path: process.env.PEER_REDIS_SOCKET, maxRetriesPerRequest: null };
export const databaseUrl = process.env.PEER_DATABASE_URL;
