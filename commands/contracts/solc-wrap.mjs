#!/usr/bin/env node
// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Lets forge use the pinned npm compiler as if it were a native solc, so that
// tests and artefact come from one compiler and forge downloads none.
// forge only ever asks for the version or for one standard-JSON compilation,
// and it puts the text of every source into the request.
import { readFileSync } from 'node:fs'
import solc from 'solc'

if (process.argv.includes('--version')) {
  // forge reads the platform suffix to see that this is a build it can run.
  const version = solc.version().replace(/\.Emscripten.*$/, '.Linux.g++')
  console.log('solc, the solidity compiler commandline interface')
  console.log(`Version: ${version}`)
} else if (process.argv.includes('--standard-json')) {
  // Written whole before exit: process.exit() could cut a pipe short.
  process.stdout.write(solc.compile(readFileSync(0, 'utf8')))
} else {
  console.error('solc-wrap: only --version and --standard-json are served')
  process.exitCode = 2
}
