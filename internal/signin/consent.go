package signin

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/registry"
)

// consentTime is how long somebody may think about a client.
const consentTime = 5 * time.Minute

// consent is what somebody is asked who has just signed in for a client, kept by the
// browser that asks. Without the question, a page anywhere could send a browser here, the
// provider would know its user, and whatever listens on that port would be them: on a
// machine of several people, somebody else's program.
type consent struct {
	User   uuid.UUID `json:"u"`
	Client client    `json:"c"`
	Form   string    `json:"f"`
}

// askConsent shows who would be signed in, and with what.
func (s *SignIn) askConsent(w http.ResponseWriter, r *http.Request, c client, u registry.User) {
	asked := consent{User: u.ID, Client: c, Form: secret()}
	if err := s.keep(w, consentCookie, asked, consentTime); err != nil {
		s.fail(w, r, http.StatusInternalServerError, "Something went wrong here.", err)
		return
	}
	s.page(w, r, http.StatusOK, content{
		Title: "Sign in a command line as " + u.Name() + "?", Form: asked.Form, Program: c.Name, Port: c.Port, FormTo: c.origin(),
	})
}

// clientDecision takes the answer, once, of the browser that was asked.
func (s *SignIn) clientDecision(w http.ResponseWriter, r *http.Request) {
	var asked consent
	if !s.recall(r, consentCookie, &asked) ||
		subtle.ConstantTimeCompare([]byte(r.PostFormValue("csrf")), []byte(asked.Form)) != 1 {
		s.fail(w, r, http.StatusForbidden, "This form is not one of yours, or too old. Run managedcas auth login again.", nil)
		return
	}
	s.forget(w, consentCookie)
	if r.PostFormValue("decision") != "approve" {
		asked.Client.redirect(w, r, url.Values{"error": {"access_denied"}}) // RFC 6749 §4.1.2.1
		return
	}
	s.toClient(w, r, asked.Client, asked.User)
}
