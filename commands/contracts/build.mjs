#!/usr/bin/env node
// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Compiles src/CaskNft.sol and writes CaskNft.json.
//
//   node build.mjs           write the artefact
//   node build.mjs --check   compile again; exit 1 if the artefact differs by a byte
//
// The artefact is committed so that the Rust build needs no compiler, and
// checked so that nobody has to trust the commit.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import solc from 'solc'

const CONTRACT = 'CaskNft'
const ENTRY = `src/${CONTRACT}.sol`
// EIP-170: no chain accepts more code than this.
const MAX_DEPLOYED_BYTES = 24576

const here = dirname(fileURLToPath(import.meta.url))
const artefactPath = join(here, `${CONTRACT}.json`)

const settings = {
  // Stated, not defaulted: a newer compiler would pick a newer EVM, whose
  // instructions not all of our networks have.
  evmVersion: 'cancun',
  // Mints are many and deployments are one, so favour the running code.
  optimizer: { enabled: true, runs: 1000 },
  // No hash of the metadata in the code. The hash covers comments and file
  // names, so with it the same program would get different bytes by a reworded
  // comment or another folder layout. The artefact lists the sources' SHA-256
  // sums instead.
  metadata: { bytecodeHash: 'none' },
}

/// Loads the entry and all it imports, so that the request is complete and the
/// recorded sums cover exactly the files that were compiled.
function loadSources() {
  const sources = new Map()
  const queue = [ENTRY]
  while (queue.length > 0) {
    const name = queue.pop()
    if (sources.has(name)) continue
    // Names are kept free of the install location; they end up in the artefact.
    const file = name.startsWith('src/') ? join(here, name) : join(here, 'node_modules', name)
    const text = readFileSync(file, 'utf8')
    sources.set(name, text)
    // Reading too much would only list a file that is not needed, and the
    // compiler fails if one is missing; a simple pattern is enough.
    for (const [, target] of text.matchAll(/^\s*import\b[^;"']*["']([^"']+)["']/gm)) {
      queue.push(target.startsWith('.') ? posix.join(posix.dirname(name), target) : target)
    }
  }
  // Sorted, so that the order does not depend on how the imports were walked.
  return new Map([...sources].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function compile(sources) {
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries([...sources].map(([name, content]) => [name, { content }])),
    settings: {
      ...settings,
      outputSelection: {
        [ENTRY]: { [CONTRACT]: ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] },
      },
    },
  }
  const output = JSON.parse(solc.compile(JSON.stringify(input)))
  const messages = output.errors ?? []
  for (const message of messages) console.error(message.formattedMessage)
  // Warnings count: an accepted warning hides the next one.
  if (messages.some((message) => message.severity !== 'info')) {
    throw new Error('the compiler complained')
  }
  return output.contracts[ENTRY][CONTRACT]
}

function artefact() {
  const sources = loadSources()
  const { abi, evm } = compile(sources)
  const size = evm.deployedBytecode.object.length / 2
  if (size > MAX_DEPLOYED_BYTES) {
    throw new Error(`deployed code has ${size} bytes, more than ${MAX_DEPLOYED_BYTES}`)
  }
  console.log(`${CONTRACT}: ${size} bytes deployed, ${evm.bytecode.object.length / 2} to deploy`)
  const sha256 = (text) => createHash('sha256').update(text, 'utf8').digest('hex')
  const content = {
    contractName: CONTRACT,
    compiler: { name: 'solc', version: solc.version(), settings },
    sources: Object.fromEntries([...sources].map(([name, text]) => [name, sha256(text)])),
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytecode: `0x${evm.deployedBytecode.object}`,
  }
  return JSON.stringify(content, null, 2) + '\n'
}

function committed() {
  try {
    return readFileSync(artefactPath, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

const args = process.argv.slice(2)
if (args.some((arg) => arg !== '--check')) {
  console.error('usage: node build.mjs [--check]')
  process.exit(2)
}

const built = artefact()
if (args.includes('--check')) {
  const found = committed()
  if (found !== built) {
    const why = found === undefined ? 'is missing' : 'is not what the sources compile to'
    console.error(`${CONTRACT}.json ${why}; run: node build.mjs`)
    process.exit(1)
  }
  console.log(`${CONTRACT}.json is what the sources compile to`)
} else {
  writeFileSync(artefactPath, built)
  console.log(`wrote ${CONTRACT}.json`)
}
