// What a person reads about a refusal. docs/frontends.md has a heading for each code, for whoever looks after the site.

const ELSE = ['Something went wrong.', 'It is not your fault. Try again in a while.']
const WORDS = {
  access_denied: [
    'You may not do this here.',
    'Your login is good, but this site’s rules do not name you. Ask for the right, or sign in as somebody else.',
    'Sign in as somebody else',
  ],
  invalid_token: ['Your login has ended.', 'Sign in again, and then repeat what you did.', 'Sign in again'],
  signed_out: ['You are signed out.', 'Sign in again, and then repeat what you did.', 'Sign in again'],
  temporarily_unavailable: ['Too much at once.', 'Wait a minute, and then try again.'],
  network_error: ['The network is out of reach.', 'Look at your connection, and then try again.'],
}

/** What to show of an error. Uppy wraps some errors, so the refusal of the broker may be its cause. */
export function describeRefusal(error) {
  let origin = error
  while (origin.cause && !origin.code) origin = origin.cause
  const [title, advice, login] = WORDS[origin.code] ?? ELSE
  return { title, advice, login, code: origin.code ?? 'error', message: origin.message, requestId: origin.requestId }
}
