// SPDX-License-Identifier: MIT OR Apache-2.0
//
// `better-auth` on PostgreSQL: signing in with a password, and looking a session up.
//
//   node better-auth.mjs <port> <people> <password>     DATABASE_URL and DATABASE_CONNECTIONS beside
import { createServer } from 'node:http'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import pg from 'pg'
import { hash, verify } from './passwords.mjs'

const [port, people, password] = process.argv.slice(2)

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  // As many connections as our process may have.
  database: new pg.Pool({ connectionString: process.env.DATABASE_URL, max: Number(process.env.DATABASE_CONNECTIONS) }),
  secret: 'only for this measurement, and on this machine',
  emailAndPassword: {
    enabled: true,
    password: { hash, verify: ({ hash: stored, password }) => verify(stored, password) },
  },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
})

const { runMigrations } = await getMigrations(auth.options)
await runMigrations()
for (let number = 0; number < Number(people); number++) {
  const email = `person.${number}@casks.example`
  await auth.api.signUpEmail({ body: { email, name: 'Isla Ferguson', password } })
}

createServer(toNodeHandler(auth)).listen(Number(port), '127.0.0.1')
