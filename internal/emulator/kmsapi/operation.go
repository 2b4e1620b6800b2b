package kmsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// handler answers one operation: JSON in, a value to encode out.
type handler func(ctx context.Context, caller *api.Caller, body []byte) (any, error)

func (s *Service) implemented() map[string]handler {
	return map[string]handler{
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
	}
}

// typed makes a handler of a function on decoded input.
func typed[In, Out any](fn func(context.Context, *api.Caller, In) (Out, error)) handler {
	return func(ctx context.Context, caller *api.Caller, body []byte) (any, error) {
		var in In
		if err := decode(body, &in); err != nil {
			return nil, err
		}
		return fn(ctx, caller, in)
	}
}

// decode reads a request. A member that the shape lacks asks for something that is
// not implemented (grant tokens, other key types), which is refused, not ignored.
func decode(body []byte, into any) error {
	if len(body) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if member, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return api.NotImplemented("kms", "the request member "+member)
		}
		return serialization(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return serialization(errors.New("data after the request"))
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_, err = w.Write(raw)
	return err
}

// none is the answer of operations that return nothing.
type none struct{}

// epoch is a time as the JSON protocol writes it: seconds since 1970.
type epoch time.Time

// MarshalJSON writes the seconds with milliseconds.
func (e epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(e).UnixMilli())/1000, 'f', -1, 64), nil
}

func epochOf(t time.Time) *epoch {
	if t.IsZero() {
		return nil
	}
	e := epoch(t)
	return &e
}
