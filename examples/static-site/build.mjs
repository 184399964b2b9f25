// Builds the site into the folder that is named, or into dist.
import { cp } from 'node:fs/promises'
import { build } from 'esbuild'

const out = process.argv[2] ?? 'dist'
await build({
  entryPoints: ['src/main.js'],
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
})
for (const file of ['index.html', 'icon.svg']) await cp(file, `${out}/${file}`)
