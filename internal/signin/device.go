package signin

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// The limits of devices (RFC 8628).
const (
	deviceTime     = 10 * time.Minute
	deviceInterval = 5 * time.Second
	grantDevice    = "urn:ietf:params:oauth:grant-type:device_code"
	// letters have no vowels, so that no words come out, and nothing that looks alike
	// (RFC 8628 §6.1). Eight of twenty are 34 bits; guesses are counted.
	letters    = "BCDFGHJKLMNPQRSTVWXZ"
	codeLength = 8
)

// deviceCode has a device wait.
func (s *SignIn) deviceCode(w http.ResponseWriter, r *http.Request) {
	from, _, _ := net.SplitHostPort(r.RemoteAddr)
	code, now := secret(), time.Now()
	d := registry.Device{
		Sum: sha256.Sum256([]byte(code)), Client: clientName(r.PostFormValue("client")), Address: from,
		CreatedAt: now, ExpiresAt: now.Add(deviceTime), Interval: deviceInterval,
	}
	err := registry.ErrExists
	for try := 0; try < 3 && errors.Is(err, registry.ErrExists); try++ {
		d.UserCode = userCode()
		err = s.cfg.Store.CreateDevice(r.Context(), d)
	}
	if errors.Is(err, registry.ErrUnavailable) {
		problem.WriteHTTP(w, problem.Wrap(err, problem.Throttled, "too many devices wait to be signed in", "try again in some minutes").WithRetryAfter(time.Minute))
		return
	}
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": shown(d.UserCode), "verification_uri": s.cfg.PublicURL + "/auth/device",
		"expires_in": int(deviceTime.Seconds()), "interval": int(deviceInterval.Seconds()),
	})
}

func userCode() string {
	var code strings.Builder
	for range codeLength {
		n, _ := rand.Int(rand.Reader, big.NewInt(int64(len(letters)))) // never fails
		code.WriteByte(letters[n.Int64()])
	}
	return code.String()
}

// shown writes a user code for people, typed what they make of it.
func shown(code string) string { return code[:codeLength/2] + "-" + code[codeLength/2:] }

func typed(text string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(letters, c) {
			return c
		}
		return -1
	}, strings.ToUpper(text))
}

// deviceToken tells a device how it stands (RFC 8628 §3.5).
func (s *SignIn) deviceToken(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("grant_type") != grantDevice {
		oauthError(w, "unsupported_grant_type", "grant_type has to be "+grantDevice)
		return
	}
	d, err := s.cfg.Store.PollDevice(r.Context(), sha256.Sum256([]byte(r.PostFormValue("device_code"))), time.Now())
	switch {
	case errors.Is(err, registry.ErrTooSoon):
		oauthError(w, "slow_down", "wait five seconds more between two questions")
	case errors.Is(err, registry.ErrNotFound):
		oauthError(w, "expired_token", "the code is not good, or not any more: ask for another one")
	case err != nil:
		s.unavailable(w, r, err)
	case d.State == registry.DevicePending:
		oauthError(w, "authorization_pending", "nobody has said yet that the device is theirs")
	case d.State == registry.DeviceDenied:
		oauthError(w, "access_denied", "the user said that the device is not theirs")
	default:
		u, err := s.cfg.Store.User(r.Context(), d.User)
		if err != nil {
			s.unavailable(w, r, err)
			return
		}
		s.give(w, r, u, d.Client)
	}
}

const purposeForm = "form"

// devicePage asks for a user code. Who is not signed in does that first.
func (s *SignIn) devicePage(w http.ResponseWriter, r *http.Request) {
	caller, u, err := s.caller(r)
	switch {
	case err != nil && problem.KindOf(err) != problem.Unauthenticated:
		s.fail(w, r, http.StatusServiceUnavailable, "The database does not answer. Try again in a moment.", err)
		return
	case err != nil:
		http.Redirect(w, r, "/auth/login?"+url.Values{"return": {"/auth/device"}}.Encode(), http.StatusSeeOther)
		return
	}
	s.deviceForm(w, r, http.StatusOK, caller, u, "")
}

func (s *SignIn) deviceForm(w http.ResponseWriter, r *http.Request, status int, caller auth.Caller, u registry.User, mistake string) {
	s.form(w, r, status, caller, content{Title: "Sign in a device", User: u.Name(), Mistake: mistake, AskCode: true})
}

// deviceDecision shows the device that a code belongs to, and takes the user's decision.
func (s *SignIn) deviceDecision(w http.ResponseWriter, r *http.Request) {
	caller, u, err := s.caller(r)
	switch {
	case err != nil && problem.KindOf(err) != problem.Unauthenticated:
		s.fail(w, r, http.StatusServiceUnavailable, "The database does not answer. Try again in a moment.", err)
		return
	case err != nil:
		s.fail(w, r, http.StatusUnauthorized, "You are not signed in any more. Begin again.", err)
		return
	}
	var of string
	if s.seal.open(purposeForm, r.PostFormValue("csrf"), &of) != nil || of != caller.TokenID().String() {
		s.fail(w, r, http.StatusForbidden, "This form is not one of yours, or too old. Begin again.", nil)
		return
	}
	if !s.guesses.allow(u.ID.String()) {
		s.fail(w, r, http.StatusTooManyRequests, "Too many codes in a short time. Wait a minute.", nil)
		return
	}
	code, now := typed(r.PostFormValue("code")), time.Now()
	state, decides := map[string]registry.DeviceState{"approve": registry.DeviceApproved, "deny": registry.DeviceDenied}[r.PostFormValue("decision")]
	if decides {
		err = s.cfg.Store.DecideDevice(r.Context(), code, u.ID, state, now)
	} else {
		var d registry.Device
		if d, err = s.cfg.Store.DeviceByUserCode(r.Context(), code, now); err == nil {
			s.form(w, r, http.StatusOK, caller, content{Title: "Is this device yours?", User: u.Name(), Code: shown(d.UserCode), Client: d.Client, Address: d.Address, Asked: d.CreatedAt.Format(time.RFC3339)})
			return
		}
	}
	switch {
	case errors.Is(err, registry.ErrNotFound):
		s.deviceForm(w, r, http.StatusNotFound, caller, u, "No device waits with that code.")
	case err != nil:
		s.fail(w, r, http.StatusServiceUnavailable, "The database does not answer. Try again in a moment.", err)
	case state == registry.DeviceDenied:
		s.page(w, r, http.StatusOK, content{Title: "The device is not signed in"})
	default:
		s.page(w, r, http.StatusOK, content{Title: "The device is signed in", Text: "You can close this page."})
	}
}
