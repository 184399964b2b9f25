// What the four examples take from the site around them: where the broker is, and who is signed in.
export const { broker, service, credential } = await (await fetch('config.json')).json()

// In its place: your login's library. The function is asked at each exchange; `force`: the broker has refused the last JWT.
export const identity = async ({ force }) => (await fetch(force ? 'jwt?force' : 'jwt')).text()
