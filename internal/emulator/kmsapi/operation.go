package kmsapi

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
)

func (s *Service) implemented() map[string]awsjson.Handler {
	return map[string]awsjson.Handler{
		"CreateKey":            typed(s.createKey),
		"DescribeKey":          typed(s.describeKey),
		"ListKeys":             typed(s.listKeys),
		"UpdateKeyDescription": typed(s.updateKeyDescription),
		"EnableKey":            typed(s.enableKey),
		"DisableKey":           typed(s.disableKey),
		"ScheduleKeyDeletion":  typed(s.scheduleKeyDeletion),
		"CancelKeyDeletion":    typed(s.cancelKeyDeletion),

		"EnableKeyRotation":    typed(s.enableKeyRotation),
		"DisableKeyRotation":   typed(s.disableKeyRotation),
		"GetKeyRotationStatus": typed(s.getKeyRotationStatus),

		"GetKeyPolicy":    typed(s.getKeyPolicy),
		"PutKeyPolicy":    typed(s.putKeyPolicy),
		"ListKeyPolicies": typed(s.listKeyPolicies),

		"CreateAlias": typed(s.createAlias),
		"UpdateAlias": typed(s.updateAlias),
		"DeleteAlias": typed(s.deleteAlias),
		"ListAliases": typed(s.listAliases),

		"TagResource":      typed(s.tagResource),
		"UntagResource":    typed(s.untagResource),
		"ListResourceTags": typed(s.listResourceTags),

		"Encrypt":                         typed(s.encrypt),
		"Decrypt":                         typed(s.decrypt),
		"GenerateDataKey":                 typed(s.generateDataKey),
		"GenerateDataKeyWithoutPlaintext": typed(s.generateDataKeyWithoutPlaintext),
		"ReEncrypt":                       typed(s.reEncrypt),
		"GenerateRandom":                  typed(s.generateRandom),
	}
}

// typed makes a handler of a function on decoded input.
func typed[In, Out any](fn func(context.Context, *api.Caller, In) (Out, error)) awsjson.Handler {
	return awsjson.Typed("kms", fn)
}
