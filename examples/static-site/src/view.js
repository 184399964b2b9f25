// Everything that is written into the page. Texts are set as texts, never as HTML.

export const byId = (id) => document.getElementById(id)

export const show = (id, isShown = true) => { byId(id).hidden = !isShown }

/** One sentence for screen readers and everybody else. */
export const say = (text) => { byId('status').textContent = text }

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

export const note = (text) => byId('steps').append(element('li', {}, text))

/** Put pictures onto the wall, the newest first. */
export function hang(pictures) {
  show('empty', false)
  byId('wall').prepend(...pictures.map(({ url, name, caption }) => {
    const image = element('img', { src: url, alt: name, width: 400, height: 300 })
    image.addEventListener('error', () => image.replaceWith(element('p', { className: 'empty' }, `${name} cannot be shown.`)))
    return element('li', {}, element('figure', {}, image, element('figcaption', {}, element('b', {}, name), ` ${caption}`)))
  }))
}

export const clearNotice = () => byId('notice').replaceChildren()

/** A refusal: what it means for the person, a way out where a login is one, and what the site's operator asks for. */
export function warn({ title, advice, login, code, message, requestId }, signIn) {
  const facts = element('p', { className: 'facts' }, element('code', {}, code), ` ${message}`)
  if (requestId) facts.append(' Request ', element('code', {}, requestId))
  byId('notice').replaceChildren(element('h2', {}, title), element('p', {}, advice))
  if (login) byId('notice').append(element('button', { type: 'button', onclick: signIn }, login))
  byId('notice').append(facts)
  byId('notice').scrollIntoView({ block: 'nearest' })
}
