package signin

import (
	"net/http"
	"time"
)

// What a browser keeps on its way, each sealed for its own purpose: an attempt to sign in,
// and then what it is asked about a client.
const (
	attemptCookie = "managedcas_signin"
	consentCookie = "managedcas_consent"
)

// keep has the browser keep a value. It is sent along when the provider sends the browser
// back, and with no form of another site.
func (s *SignIn) keep(w http.ResponseWriter, name string, value any, age time.Duration) error {
	text, err := s.seal.close(name, value, time.Now().Add(age))
	if err == nil {
		http.SetCookie(w, s.kept(name, text, age))
	}
	return err
}

// recall reads what the browser keeps. Of two, another host of the domain may have set one.
func (s *SignIn) recall(r *http.Request, name string, value any) bool {
	found := r.CookiesNamed(s.kept(name, "", 0).Name)
	return len(found) == 1 && s.seal.open(name, found[0].Value, value) == nil
}

// forget has the browser forget what is good once.
func (s *SignIn) forget(w http.ResponseWriter, name string) {
	http.SetCookie(w, s.kept(name, "", -time.Second))
}

func (s *SignIn) kept(name, value string, age time.Duration) *http.Cookie {
	if s.cookie.Secure {
		name = "__Host-" + name
	}
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()),
		HttpOnly: true, Secure: s.cookie.Secure, SameSite: http.SameSiteLaxMode,
	}
}
