package iamapi

import (
	"errors"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

func noSuchEntity(format string, args ...any) error {
	return api.Errorf(http.StatusNotFound, "NoSuchEntity", format, args...)
}

func alreadyExists(format string, args ...any) error {
	return api.Errorf(http.StatusConflict, "EntityAlreadyExists", format, args...)
}

func deleteConflict(message string) error {
	return &api.Error{Status: http.StatusConflict, Code: "DeleteConflict", Message: message}
}

func limitExceeded(format string, args ...any) error {
	return api.Errorf(http.StatusConflict, "LimitExceeded", format, args...)
}

func invalidInput(format string, args ...any) error {
	return api.Errorf(http.StatusBadRequest, "InvalidInput", format, args...)
}

func malformedPolicy(message string) error {
	return &api.Error{Status: http.StatusBadRequest, Code: "MalformedPolicyDocument", Message: message}
}

// found turns the absence of a record into err.
func found(lookup, err error) error {
	if errors.Is(lookup, directory.ErrNotFound) {
		return err
	}
	return lookup
}

// taken returns err when a look-up found something.
func taken(lookup, err error) error {
	switch {
	case lookup == nil:
		return err
	case errors.Is(lookup, directory.ErrNotFound):
		return nil
	default:
		return lookup
	}
}
