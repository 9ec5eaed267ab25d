// Files to identifiers, and blocks to files, as the JavaScript implementation of IPFS has them.
//
//   node unixfs.mjs import CHUNK LINKS FOLDER   prints { file: identifier } for every file
//   node unixfs.mjs export BLOCKS ROOT          prints the SHA-256 of the file under ROOT

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { exporter } from 'ipfs-unixfs-exporter'
import { importFile } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'

async function importAll (chunk, links, folder) {
  const nowhere = { put: async (cid) => cid }
  const options = {
    cidVersion: 1,
    rawLeaves: true,
    chunker: fixedSize({ chunkSize: Number(chunk) }),
    layout: balanced({ maxChildrenPerNode: Number(links) })
  }
  const identifiers = {}
  for (const name of await readdir(folder)) {
    const content = createReadStream(join(folder, name))
    const { cid } = await importFile({ content }, nowhere, options)
    identifiers[name] = cid.toString()
  }
  return JSON.stringify(identifiers)
}

async function exportOne (blocks, root) {
  const folder = {
    async * get (cid) {
      yield new Uint8Array(await readFile(join(blocks, cid.toString())))
    }
  }
  const file = await exporter(root, folder)
  const hash = createHash('sha256')
  for await (const piece of file.content()) {
    hash.update(piece)
  }
  return hash.digest('hex')
}

const [command, ...rest] = process.argv.slice(2)
const answer = command === 'import' ? await importAll(...rest) : await exportOne(...rest)
process.stdout.write(answer)
