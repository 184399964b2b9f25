// Who is signed in: the authorization code flow with PKCE, by oidc-client-ts.
import { UserManager, WebStorageStateStore } from 'oidc-client-ts'

const SPARE = 60 // seconds: an ID token with less than that left is renewed before it is shown

export function openSession({ issuer, clientId }) {
  const page = new URL('.', location.href).href
  const manager = new UserManager({
    authority: issuer,
    client_id: clientId,
    redirect_uri: page,
    scope: 'openid',
    automaticSilentRenew: false, // a timer stops when the page sleeps; it is renewed when it is used
    // Of this tab, and gone with it.
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    userStore: new WebStorageStateStore({ store: sessionStorage }),
  })

  const session = {
    failed: false,
    signIn: () => manager.signinRedirect(),
    signOut: () => manager.removeUser(),

    /** The person who is signed in, also when the page was left for the login and is come back to. Null: nobody. */
    async resume() {
      const query = new URLSearchParams(location.search)
      if (!query.has('state')) return manager.getUser()
      try {
        return await manager.signinCallback()
      } catch {
        session.failed = true
        return null
      } finally {
        // The address holds the code, which no history needs.
        history.replaceState(null, '', page)
      }
    },

    /** The JWT for the broker, as its client asks for it. `force`: the broker has refused the last one. */
    async identity({ force }) {
      const user = await manager.getUser()
      if (!user) return null
      const isFresh = !force && user.profile.exp - Date.now() / 1000 > SPARE
      return isFresh ? user.id_token : (await renewed())?.id_token ?? null
    },
  }

  let renewal // one at a time: a refresh token is good once
  function renewed() {
    renewal ??= manager.signinSilent().catch(() => null).finally(() => (renewal = undefined))
    return renewal
  }

  return session
}
