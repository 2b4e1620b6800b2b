package auth

import (
	"net/http"
	"time"
)

// LoginCookie is how a browser carries a login. On TLS its name has the prefix that lets
// no other host, and no page without TLS, set it (RFC 6265bis §4.1.3.2).
type LoginCookie struct{ Secure bool }

// Name returns the cookie's name.
func (c LoginCookie) Name() string {
	if c.Secure {
		return "__Host-managedcas_login"
	}
	return "managedcas_login"
}

// Set gives the browser a login. It goes along when somebody follows a link to here, and
// with no form or script of another site.
func (c LoginCookie) Set(w http.ResponseWriter, token string, expires time.Time) {
	http.SetCookie(w, &http.Cookie{
		Name: c.Name(), Value: token, Path: "/", Expires: expires,
		HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// Clear has the browser forget its login.
func (c LoginCookie) Clear(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{
		Name: c.Name(), Path: "/", MaxAge: -1,
		HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// Token returns the login that a request carries; empty when there is none, or when there
// are two: another host of the domain may have set one of them.
func (c LoginCookie) Token(r *http.Request) string {
	if found := r.CookiesNamed(c.Name()); len(found) == 1 {
		return found[0].Value
	}
	return ""
}
