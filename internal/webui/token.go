package webui

import (
	"net/http"
	"strings"
	"time"
)

// maxToken is what browsers keep in a cookie, name and value together 4096 bytes (RFC 6265
// §6.1), less room for the name.
const maxToken = 4000

// keep has the browser keep a token until it is closed.
func (p *Pages) keep(w http.ResponseWriter, token string) { p.cookie.Set(w, token, time.Time{}) }

// token returns what the browser keeps, or "". It is yet to be verified.
func (p *Pages) token(r *http.Request) string {
	if token := p.cookie.Token(r); mayBeToken(token) {
		return token
	}
	return ""
}

// mayBeToken holds for what has the letters of a JWT (RFC 7515 §7.1), and the length.
// Nothing else is put into the header of a call.
func mayBeToken(text string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	return text != "" && len(text) <= maxToken && strings.Trim(text, letters) == ""
}
