package stsapi

import (
	"errors"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

// checkPolicies refuses session policies that are not there, in the role's account
// or among AWS's. What AWS answers is not documented (facts AWS §3.3); a session
// that silently lacks a policy would be harder to find.
func (s *Service) checkPolicies(arns []string) error {
	if s.cfg.AllowMissingPolicies {
		return nil
	}
	return s.cfg.Directory.Replica(func(tx directory.Tx) error {
		for _, arn := range arns {
			_, err := directory.PolicyByARN(tx, arn)
			if errors.Is(err, directory.ErrNotFound) {
				return malformedPolicy("Policy " + arn + " does not exist or is not attachable." + directory.OnMissing(arn))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func malformedPolicy(message string) error {
	return &api.Error{Status: http.StatusBadRequest, Code: "MalformedPolicyDocument", Message: message}
}
