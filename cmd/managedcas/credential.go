package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
)

// credential is the token that a command uses, and where it is from.
type credential struct{ token, source string }

// The sources of a token, in their order (facts WIRE §1.2).
const (
	fromFlag        = "--token"
	fromEnvironment = "CHAINLOOP_TOKEN"
	fromLogin       = "login"
	fromPipeline    = "pipeline"
)

// credential finds the token of a command; none is no error.
func (a *app) credential(ctx context.Context) (credential, error) {
	// Tokens come out of files: with a line end.
	if token := strings.TrimSpace(a.cfg.Token); token != "" {
		return credential{token, fromFlag}, nil
	}
	if token := strings.TrimSpace(os.Getenv(fromEnvironment)); token != "" {
		return credential{token, fromEnvironment}, nil
	}
	login, err := a.login()
	if err != nil {
		return credential{}, err
	}
	if login.token != "" {
		if !login.expires.IsZero() && !time.Now().Before(login.expires) {
			return credential{}, errLoginOver(nil)
		}
		return credential{login.token, fromLogin}, nil
	}
	if client.InPipeline(os.Getenv) && a.cfg.Org != "" {
		token, err := a.federate(ctx, "")
		return credential{token, fromPipeline}, err
	}
	return credential{}, nil
}

// login returns what the user is signed in with to this control plane.
func (a *app) login() (stored, error) {
	file, err := userFile()
	if err != nil {
		return stored{}, nil // a process without a home has no login either
	}
	_, login, err := file.read()
	if err != nil || login.plane != a.cfg.ControlPlane {
		return stored{}, err
	}
	return login, nil
}

func errLoginOver(cause error) error {
	return problem.Wrap(cause, problem.Unauthenticated, "you are not signed in any more", "sign in again with managedcas auth login")
}

// connect opens the client for one command and closes it afterwards.
func (a *app) connect(cmd *cobra.Command, do func(context.Context, *client.Client) error) error {
	found, err := a.credential(cmd.Context())
	if err != nil {
		return err
	}
	return a.connectWith(cmd, found, do)
}

// connectWith is connect with a token that is known. The zero credential is for calls that
// need none.
func (a *app) connectWith(cmd *cobra.Command, with credential, do func(context.Context, *client.Client) error) error {
	cfg := a.cfg
	cfg.Token = with.token
	c, err := client.New(cfg)
	if err != nil {
		return err
	}
	err = do(cmd.Context(), c)
	if with.source == fromLogin && err != nil && problem.KindOf(err) == problem.Unauthenticated {
		err = errLoginOver(err)
	}
	return errors.Join(err, c.Close())
}

// anonymously is for calls that need no token.
func (a *app) anonymously(cmd *cobra.Command, do func(context.Context, *client.Client) error) error {
	a.cfg.Anonymous = true
	return a.connectWith(cmd, credential{}, do)
}
