package kmsapi

import (
	"errors"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// KMS reports nearly everything with status 400 and tells errors apart by code
// (https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html and the
// Errors section of each operation).

func failure(code, format string, args ...any) *api.Error {
	return api.Errorf(http.StatusBadRequest, code, format, args...)
}

func invalid(format string, args ...any) *api.Error {
	return failure("ValidationException", format, args...)
}

func notFound(what string) *api.Error {
	return failure("NotFoundException", "%s does not exist", what)
}

func malformedPolicy(format string, args ...any) *api.Error {
	return failure("MalformedPolicyDocumentException", format, args...)
}

func accessDenied(format string, args ...any) *api.Error {
	return api.Errorf(http.StatusForbidden, "AccessDenied", format, args...)
}

// inKMSTerms translates the gate's refusal, which reads the same for every service,
// into what KMS answers.
func inKMSTerms(err error) error {
	aerr, ok := errors.AsType[*api.Error](err)
	if !ok || aerr.Code != "AccessDenied" {
		return err
	}
	return failure("AccessDeniedException", "%s", aerr.Message)
}

// asS3Shows turns an error of KMS into what a client of S3 sees: AccessDenied stays
// as it is, with the KMS action in its message, and the rest gets the prefix "KMS."
// (facts AWS §6.1).
func asS3Shows(err error) error {
	aerr, ok := errors.AsType[*api.Error](err)
	if !ok || aerr.Code == "AccessDenied" || aerr.Status >= http.StatusInternalServerError {
		return err
	}
	return api.Errorf(http.StatusBadRequest, "KMS."+aerr.Code, "%s", aerr.Message)
}

// code returns the AWS error code in err, or "".
func code(err error) string {
	if aerr, ok := errors.AsType[*api.Error](err); ok {
		return aerr.Code
	}
	return ""
}
