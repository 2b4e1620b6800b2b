package secretsapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Secrets Manager reports what a client did wrong with status 400 and tells errors
// apart by code.

func failure(code, format string, args ...any) *api.Error {
	return api.Errorf(http.StatusBadRequest, code, format, args...)
}

// invalidParameter is about what the request says, invalidRequest about the state that
// the secret is in.
func invalidParameter(format string, args ...any) *api.Error {
	return failure("InvalidParameterException", format, args...)
}

func invalidRequest(format string, args ...any) *api.Error {
	return failure("InvalidRequestException", format, args...)
}

func notFound() *api.Error {
	return failure("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

func noValue(what, name string) *api.Error {
	return failure("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for %s: %s", what, name)
}

func markedForDeletion() *api.Error {
	return invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
}

// inOwnTerms translates the gate's refusal, which reads the same for every service.
func inOwnTerms(err error) error {
	refused, ok := errors.AsType[*api.Error](err)
	if !ok || refused.Code != "AccessDenied" {
		return err
	}
	return failure("AccessDeniedException", "%s", refused.Message)
}

// ofKMS translates what KMS refused: lacking permission does not say more than that, and
// a key that cannot be used is the failure that the operation has for it.
func ofKMS(err error, code, what string) error {
	refused, ok := errors.AsType[*api.Error](err)
	switch {
	case !ok:
		return err
	case refused.Code == "AccessDenied":
		return failure("AccessDeniedException", "Access to KMS is not allowed: %s", refused.Message)
	case strings.HasPrefix(refused.Code, "KMS."):
		return failure(code, "Secrets Manager can't %s the secret value: %s: %s", what, refused.Code, refused.Message)
	}
	return err
}
