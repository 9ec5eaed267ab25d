// SPDX-License-Identifier: MIT OR Apache-2.0
//
// How many bare hashes the same package makes in a second, one after the other.
//
//   node bare-hashes.mjs <seconds> <file> <password>
import { writeFileSync } from 'node:fs'
import { hash, verify } from './passwords.mjs'

const [seconds, file, password] = process.argv.slice(2)
const stored = await hash(password)
const [began, ends] = [performance.now(), performance.now() + Number(seconds) * 1000]
let done = 0
while (performance.now() < ends) {
  await verify(stored, password)
  done++
}
writeFileSync(file, String((done * 1000) / (performance.now() - began)))
