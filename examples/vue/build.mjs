// esbuild, with Vue's own compiler: templates are compiled now, since a strict Content-Security-Policy forbids it later.
import { cp, readFile } from 'node:fs/promises'
import { build } from 'esbuild'
import { compileScript, parse } from 'vue/compiler-sfc'

const compileVue = async ({ path }) => {
  const { descriptor } = parse(await readFile(path, 'utf8'), { filename: path })
  return { contents: compileScript(descriptor, { id: path, inlineTemplate: true }).content }
}
await build({
  entryPoints: ['main.js'], outdir: 'dist', bundle: true, minify: true, format: 'esm', target: 'es2022', logLevel: 'warning',
  plugins: [{ name: 'vue', setup: ({ onLoad }) => onLoad({ filter: /\.vue$/ }, compileVue) }],
})
await cp('../index.html', 'dist/index.html')
