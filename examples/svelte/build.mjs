// esbuild, with Svelte's own compiler.
import { cp, readFile } from 'node:fs/promises'
import { build } from 'esbuild'
import { compile } from 'svelte/compiler'

const compileSvelte = async ({ path }) => ({ contents: compile(await readFile(path, 'utf8'), { filename: path }).js.code })
await build({
  entryPoints: ['main.js'], outdir: 'dist', bundle: true, minify: true, format: 'esm', target: 'es2022', logLevel: 'warning',
  conditions: ['svelte'],
  plugins: [{ name: 'svelte', setup: ({ onLoad }) => onLoad({ filter: /\.svelte$/ }, compileSvelte) }],
})
await cp('../index.html', 'dist/index.html')
