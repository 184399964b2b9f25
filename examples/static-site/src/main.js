// A page of a static site: it logs a person in, uploads pictures in two ways, and shows them.
import { createTokenSource } from 'transloadit-token-broker-client'
import './main.css'
import { uploadByToken } from './by-token.js'
import { openSession } from './session.js'
import { describeRefusal } from './refusals.js'
import { showUploader } from './uploader.js'
import { byId, clearNotice, hang, note, say, show, warn } from './view.js'

// What differs between deployments is a file beside the page: the issuer, the client id, and the broker.
const config = await (await fetch('config.json')).json()
const session = openSession(config)
const login = { url: config.broker, api2: config.api2, identity: session.identity }
const uploads = createTokenSource({ ...login, credential: config.uploads })
const pictures = createTokenSource({ ...login, credential: config.pictures })
const bearer = createTokenSource(login)

const user = await session.resume()
if (user) openHome(user.profile)
else openWelcome()

function openWelcome() {
  show('welcome')
  show('signed-in-again', session.failed)
  byId('sign-in').addEventListener('click', session.signIn)
}

function openHome({ sub, name = sub, groups = [] }) {
  for (const id of ['name', 'hello']) byId(id).textContent = name
  for (const id of ['person', 'home']) show(id)
  byId('sign-out').addEventListener('click', async () => {
    for (const source of [uploads, pictures, bearer]) source.end()
    await session.signOut()
    location.assign('.')
  })
  note(`The issuer says that you are ${name}. Its JWT stays in this tab.`)
  const onResults = (files) => showPictures(files, sub)
  showUploader('#uploader', uploads.assemblyOptions('avatar'), config.api2, { onStart, onRefused, onResults })
  // This decides what the page offers. What is given is decided by the broker, whatever a page offers.
  if (groups.includes('editors')) openSecondWay()
}

function openSecondWay() {
  show('second')
  byId('by-token').addEventListener('submit', async (event) => {
    event.preventDefault()
    const form = event.target
    onStart('The broker gave a bearer token, and fetch made an Assembly with it.')
    form.setAttribute('aria-busy', 'true')
    try {
      const results = await uploadByToken(bearer.fetch, config.api2, form.file.files[0], (percent) => {
        show('progress')
        byId('progress').value = percent
      })
      hang(results.map(({ ssl_url: url, name }) => ({ url, name, caption: 'By bearer token; its address is the Assembly’s.' })))
      say('Your picture is on the wall.')
      form.reset()
    } catch (error) {
      onRefused(error)
    } finally {
      show('progress', false)
      form.removeAttribute('aria-busy')
    }
  })
}

function onStart(step = 'The broker signed one upload for you. Uppy sends the files by it.') {
  clearNotice()
  say('Uploading…')
  note(step)
}

/** The pictures of a finished upload, each by a URL that is signed for a while. */
async function showPictures(files, sub) {
  // The policy pins this path, and lets this person see what is below it.
  const address = ({ id, ext }) => pictures.smartCdnUrl('thumbnail', `users/${sub}/${id}.${ext}`, { w: 400 })
  const caption = 'By signature; whoever has its address sees it for an hour.'
  try {
    // All are asked for at once, so that the client sends one request.
    const urls = await Promise.all(files.map(address))
    hang(urls.map((url, index) => ({ url, name: files[index].name, caption })))
    note(`The broker signed ${urls.length === 1 ? 'the address of a picture' : `${urls.length} addresses of pictures in one answer`}.`)
    say(urls.length === 1 ? 'Your picture is on the wall.' : 'Your pictures are on the wall.')
  } catch (error) {
    onRefused(error)
  }
}

function onRefused(error) {
  say('')
  const refusal = describeRefusal(error)
  note(`It was refused: ${refusal.code}.`)
  warn(refusal, session.signIn)
}
