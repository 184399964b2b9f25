// A component as people write it: whatever it makes while it renders is new at each render.
import { StrictMode, useEffect, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import { createRoot } from 'react-dom/client'
import { createTokenSource } from '../../clients/browser/token-source.js'

function Upload({ options, getJwt, onToken, onOptions }) {
  // A login library's hook gives another function each time; the source asks the newest one.
  const newest = useRef(getJwt)
  newest.current = getJwt
  const [source] = useState(() => createTokenSource({ ...options, identity: (o) => newest.current(o) }))
  const assemblyOptions = source.assemblyOptions('avatar')
  useEffect(() => {
    source.getToken().then(onToken)
    onOptions(assemblyOptions)
  })
}

// Renders so often, for one person or the next; returns which identities were asked and how many tokens and functions there were.
const root = createRoot(document.body.appendChild(document.createElement('main')))
window.renderOften = async ({ times, person, options }) => {
  const asked = []
  const tokens = []
  const functions = new Set()
  const shown = {
    options, onToken: (token) => tokens.push(token), onOptions: (assemblyOptions) => functions.add(assemblyOptions),
  }
  for (let number = 1; number <= times; number++) {
    const getJwt = async () => {
      asked.push(`${person} of render ${number}`)
      return (await fetch('/session?force=false')).text()
    }
    flushSync(() => root.render(<StrictMode><Upload {...shown} getJwt={getJwt} /></StrictMode>))
  }
  while (tokens.length < times) await new Promise((resolve) => setTimeout(resolve, 10))
  return { asked, tokens: [...new Set(tokens)], functions: functions.size }
}
