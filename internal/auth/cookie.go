package auth

import (
	"net/http"
	"strings"
)

// A browser keeps its login, or the token that somebody pasted, in one cookie: until it is
// closed, out of reach of scripts, and not sent with requests that other sites begin, but
// for links to here.
const (
	cookie       = "managedcas_login"
	secureCookie = "__Host-" + cookie // no subdomain can set it (RFC 6265bis §4.1.3.2)
)

// maxCookie is what browsers keep of name and value together (RFC 6265 §6.1).
const maxCookie = 4096

// SetCookie has the browser keep a token. It reports whether the text may be one at all.
func SetCookie(w http.ResponseWriter, r *http.Request, token string) bool {
	if !mayBeToken(token) {
		return false
	}
	http.SetCookie(w, newCookie(r, token))
	return true
}

// DropCookie has the browser forget it.
func DropCookie(w http.ResponseWriter, r *http.Request) {
	c := newCookie(r, "")
	c.MaxAge = -1
	http.SetCookie(w, c)
}

// CookieToken returns the token that the browser keeps, or "". It is yet to be verified.
func CookieToken(r *http.Request) string {
	// Two cookies of one name are of different hosts or paths: one of them is not ours.
	named := r.CookiesNamed(cookieName(r))
	if len(named) != 1 || !mayBeToken(named[0].Value) {
		return ""
	}
	return named[0].Value
}

func newCookie(r *http.Request, value string) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/",
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: encrypted(r),
	}
}

func cookieName(r *http.Request) string {
	if encrypted(r) {
		return secureCookie
	}
	return cookie
}

// encrypted reports whether the browser speaks TLS, to this process or to the proxy before
// it. Who claims so without it gets a cookie that their browser does not keep.
func encrypted(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// mayBeToken holds for what has the letters and the length of a JWT (RFC 7515 §7.1).
func mayBeToken(text string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	return text != "" && len(secureCookie)+len(text) <= maxCookie && strings.Trim(text, letters) == ""
}
