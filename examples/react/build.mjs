import { cp } from 'node:fs/promises'
import { build } from 'esbuild'

await build({
  entryPoints: ['main.jsx'], outdir: 'dist', bundle: true, jsx: 'automatic', minify: true, format: 'esm', target: 'es2022',
  logLevel: 'warning',
})
await cp('../index.html', 'dist/index.html')
