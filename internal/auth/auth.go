// Package auth decides who makes a call. It turns API tokens and logins into a Caller for
// the control plane, and CAS tokens into a cas.Grant for the CAS; there is no other way
// to get a Caller.
//
// Invariants:
//   - The organization of a Caller comes from its verified token. A header may only
//     narrow an instance token, choose among a user's memberships, and must agree with an
//     organization token's own (DESIGN I1).
//   - A token is accepted by its signature and by a row as well: its own, or that of the trust
//     that a pipeline got it by. Revoking the row is enough, and a stolen signing key is
//     not: all that it makes without a row is pipelines that some organization trusts.
//   - A key signs one kind of token (registry.KeyUse), with one algorithm, ES256, which
//     is never read from the token.
//   - CAS tokens tell nothing about AWS (DESIGN I10) and live minutes.
//   - "I could not check" is Unavailable, never Unauthenticated (DESIGN I12): clients
//     throw a refused token away.
package auth

import (
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/managedcas/managedcas/internal/problem"
)

// The fixed claims of tokens, by which existing clients tell them apart (facts WIRE
// §1.4, §4).
const (
	issuer       = "cp.chainloop"
	apiAudience  = "api-token-auth.chainloop"
	userAudience = "user-auth.chainloop"
	casAudience  = "artifact-cas.chainloop"
)

// maxToken bounds the tokens that are looked at, in bytes. Ours have under 700.
const maxToken = 8 << 10

// algorithm is the only one that is accepted or used.
const algorithm = jose.ES256

// The stock client knows these messages by heart (facts WIRE §7.1): no hint may be
// added to them.
func errMissing() error {
	return problem.New(problem.Unauthenticated, "JWT token is missing", "")
}

func errInvalid(cause error) error {
	return problem.Wrap(cause, problem.Unauthenticated, "Token is invalid", "")
}

func errExpired(cause error) error {
	return problem.Wrap(cause, problem.Unauthenticated, "JWT token has expired", "")
}

// errUnchecked means that the token may well be good.
func errUnchecked(cause error) error {
	return problem.Wrap(cause, problem.Unavailable, "the token could not be checked", "try again in a moment")
}

// Bearer returns the token of an Authorization header: empty when there is none, or
// when the scheme is another one. Schemes are case-insensitive (RFC 9110 §11.1).
func Bearer(header string) string {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
