package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// The limits of signing in.
const (
	signInTime     = 10 * time.Minute // that a server gives somebody
	signInRequest  = 30 * time.Second
	maxSignInReply = 64 << 10 // bytes
	slowDown       = 5 * time.Second
	maxLogin       = 7 * 24 * time.Hour // that a server gives
	grantDevice    = "urn:ietf:params:oauth:grant-type:device_code"
)

// SignIn is a way to sign in to a control plane, over its HTTP port.
type SignIn struct {
	base   string
	client *http.Client
	name   string // of this machine
}

// Login is what signing in gives.
type Login struct {
	Token     string
	ExpiresAt time.Time
}

// SignIn asks the control plane where people sign in. name is what this machine is called
// in the list of logins.
//
// The control plane is believed that only about its own host, or about site, which the user
// has named. One that says another installation's would have its login sent to itself, as
// soon as it is called again (the mix-up of RFC 9700 §4.4).
func (c *Client) SignIn(ctx context.Context, name, site string) (*SignIn, error) {
	info, err := controlplanev1.NewStatusServiceClient(c.controlPlane).Infoz(c.call(ctx), &controlplanev1.InfozRequest{})
	if err != nil {
		return nil, failed(err)
	}
	u, err := url.Parse(info.GetLoginUrl())
	if err != nil || info.GetLoginUrl() == "" || u.Host == "" {
		return nil, problem.Wrap(err, problem.Unimplemented, "nobody can sign in to this installation", "its operator configures controlplane.oidc (docs/identity.md); API tokens work without")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !onThisMachine(u.Hostname())) {
		return nil, problem.New(problem.Precondition, "the control plane has people sign in without TLS", "its operator gives an https URL as controlplane.publicUrl")
	}
	if base := u.Scheme + "://" + u.Host; !sameHost(c.cfg.ControlPlane, u.Hostname()) && base != strings.TrimSuffix(site, "/") {
		return nil, problem.New(problem.Precondition,
			fmt.Sprintf("the control plane %s has people sign in at %s, and would be shown what you get there", c.cfg.ControlPlane, base),
			"if you know that both are of one installation, sign in with --at "+base)
	}
	trust, err := trusting(c.cfg.ControlPlaneCA)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = trust
	return &SignIn{
		base: u.Scheme + "://" + u.Host, name: name,
		client: &http.Client{
			Timeout: signInRequest, Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// sameHost reports whether a control plane, host:port, is on a host, or both on this machine.
func sameHost(controlPlane, host string) bool {
	own, _, err := net.SplitHostPort(controlPlane)
	return err == nil && (strings.EqualFold(own, host) || onThisMachine(own) && onThisMachine(host))
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Browser signs somebody in with the browser of this machine, which show is given the URL
// for: it comes back to a port of loopback with a code that is of use here alone (RFC 8252,
// RFC 7636).
func (s *SignIn) Browser(ctx context.Context, show func(url string)) (Login, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, signInTime, problem.New(problem.Deadline, "nobody has signed in", "try again, or use --device"))
	defer cancel()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return Login{}, problem.Wrap(err, problem.Precondition, "no port of this machine is free for the browser to come back to", "use --device")
	}
	verifier, state := random(), random()
	answers := make(chan url.Values, 1)
	server := &http.Server{ReadHeaderTimeout: signInRequest, Handler: comesBack(state, answers)}
	go func() { _ = server.Serve(listener) }() // it ends when it is closed
	defer server.Close()
	sum := sha256.Sum256([]byte(verifier))
	show(s.base + "/auth/cli?" + url.Values{
		"port":      {strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)},
		"challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
		"state":     {state},
		"name":      {s.name},
	}.Encode())
	select {
	case answer := <-answers:
		defer farewell(ctx, server)
		if answer.Get("error") != "" {
			return Login{}, problem.New(problem.Denied, "the user said that this command line is not theirs", "run managedcas auth login again if it is")
		}
		login, refused, err := s.ask(ctx, "/auth/cli/token", url.Values{"code": {answer.Get("code")}, "code_verifier": {verifier}})
		if err == nil && refused.Code != "" {
			err = problem.New(problem.Unauthenticated, "the control plane refused the browser's code: "+refused.Description, "sign in again with managedcas auth login")
		}
		return login, err
	case <-ctx.Done():
		return Login{}, context.Cause(ctx)
	}
}

// farewell waits until the browser has been answered, and no longer.
func farewell(ctx context.Context, server *http.Server) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = server.Shutdown(ctx) // Close follows
}

// comesBack answers the browser that comes back with a code or an error, once. What is shown
// comes before the code is exchanged: how that ends is seen in the terminal.
func comesBack(state string, answers chan<- url.Values) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(state)) != 1 || query.Get("code") == "" && query.Get("error") == "" {
			http.Error(w, "This sign-in was not begun by the command that waits here.", http.StatusBadRequest)
			return
		}
		select {
		case answers <- query:
			fmt.Fprintln(w, "You can close this page and go back to the terminal.")
		default:
			http.Error(w, "The command has its answer already.", http.StatusConflict)
		}
	})
	return mux
}

// Device signs somebody in with the browser of another machine: show is given where to go,
// what to type there, and how long that is good (RFC 8628).
func (s *SignIn) Device(ctx context.Context, show func(url, code string, lasts time.Duration)) (Login, error) {
	var device struct {
		Code     string `json:"device_code"`
		UserCode string `json:"user_code"`
		URL      string `json:"verification_uri"`
		Expires  int64  `json:"expires_in"`
		Interval int64  `json:"interval"`
	}
	if err := s.post(ctx, "/auth/device/code", url.Values{"client": {s.name}}, &device); err != nil {
		return Login{}, err
	}
	lasts := seconds(device.Expires, signInTime)
	ctx, cancel := context.WithTimeoutCause(ctx, lasts, problem.New(problem.Deadline, "nobody has said in time that this machine is theirs", "run managedcas auth login --device again"))
	defer cancel()
	show(device.URL, device.UserCode, lasts)
	interval := seconds(device.Interval, time.Minute)
	for {
		select {
		case <-ctx.Done():
			return Login{}, context.Cause(ctx)
		case <-time.After(interval):
		}
		login, refused, err := s.ask(ctx, "/auth/device/token", url.Values{"grant_type": {grantDevice}, "device_code": {device.Code}})
		switch {
		case problem.KindOf(err) == problem.Unavailable && err != nil: // it may come back in time
		case err != nil:
			return Login{}, err
		case refused.Code == "":
			return login, nil
		case refused.Code == "authorization_pending":
		case refused.Code == "slow_down":
			interval += slowDown
		case refused.Code == "access_denied":
			return Login{}, problem.New(problem.Denied, "the user said that this machine is not theirs", "run managedcas auth login --device again if it is")
		default:
			return Login{}, problem.New(problem.Unauthenticated, "the code of this machine is not good any more", "run managedcas auth login --device again")
		}
	}
}

// seconds reads a number of a server's: at least one second, at most most.
func seconds(n int64, most time.Duration) time.Duration {
	return time.Duration(min(max(n, 1), int64(most/time.Second))) * time.Second
}

// signInError is an error of RFC 6749 §5.2.
type signInError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// ask asks for a login.
func (s *SignIn) ask(ctx context.Context, path string, form url.Values) (Login, signInError, error) {
	var answer struct {
		signInError

		Token   string `json:"access_token"`
		Expires int64  `json:"expires_in"`
	}
	if err := s.post(ctx, path, form, &answer); err != nil {
		return Login{}, signInError{}, err
	}
	if answer.Code == "" && answer.Token == "" {
		return Login{}, signInError{}, problem.New(problem.Unavailable, "the control plane gave no login", "try again in a moment")
	}
	return Login{answer.Token, time.Now().Add(seconds(answer.Expires, maxLogin))}, answer.signInError, nil
}

// post sends a form, and reads the answer of a success or of a signInError.
func (s *SignIn) post(ctx context.Context, path string, form url.Values, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.client.Do(req)
	if err != nil {
		return problem.Wrap(err, problem.Unavailable, "the control plane does not answer at "+s.base, "is this address, its controlplane.publicUrl, reached from here?")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusBadRequest {
		return problem.New(problem.Unavailable, fmt.Sprintf("the control plane answers %d at %s", resp.StatusCode, s.base+path), "try again in a moment")
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxSignInReply)).Decode(into); err != nil {
		return problem.Wrap(err, problem.Unavailable, "the answer of the control plane cannot be read", "is controlplane.publicUrl that of its HTTP port?")
	}
	return nil
}

// random returns 256 random bits, as text.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
