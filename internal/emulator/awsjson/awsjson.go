// Package awsjson is the AWS JSON 1.1 protocol as KMS and Secrets Manager speak it: the
// operation in a header, JSON in and out
// (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html).
package awsjson

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Operation names what a request asks for, by the X-Amz-Target header that begins with
// prefix; "" when it is for another service or no name. It also names operations that
// are not implemented.
func Operation(r *http.Request, prefix string) string {
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), prefix)
	if !ok || len(name) > 64 || strings.ContainsFunc(name, notLetter) {
		return ""
	}
	return name
}

func notLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// Read returns the whole body, which also completes the check of its signature. Longer
// than limit bytes it is refused with ValidationException.
func Read(body io.Reader, limit int64) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	raw, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		if refused, ok := errors.AsType[*api.Error](err); ok {
			return nil, refused
		}
		return nil, fmt.Errorf("reading the request body: %w", err)
	}
	if int64(len(raw)) > limit {
		return nil, api.Errorf(http.StatusBadRequest, "ValidationException", "the request is larger than %d bytes", limit)
	}
	return raw, nil
}

// Handler answers one operation: JSON in, a value to encode out.
type Handler func(ctx context.Context, caller *api.Caller, body []byte) (any, error)

// Typed makes a handler of a function on decoded input. A member that In lacks asks for
// something that the service does not implement, which is refused, not ignored.
func Typed[In, Out any](service string, fn func(context.Context, *api.Caller, In) (Out, error)) Handler {
	return func(ctx context.Context, caller *api.Caller, body []byte) (any, error) {
		var in In
		if err := decode(service, body, &in); err != nil {
			return nil, err
		}
		return fn(ctx, caller, in)
	}
}

func decode(service string, body []byte, into any) error {
	if len(body) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if member, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return api.NotImplemented(service, "the request member "+member)
		}
		return malformed(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return malformed(errors.New("data after the request"))
	}
	if err := checkMembers(body, reflect.TypeOf(into)); err != nil {
		return malformed(err)
	}
	return nil
}

func malformed(cause error) *api.Error {
	return api.Errorf(http.StatusBadRequest, "SerializationException", "the request is not the JSON that this operation takes: %v", cause)
}

// Write answers with v.
func Write(w http.ResponseWriter, status int, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_, err = w.Write(raw)
	return err
}

// WriteError answers with an error. It fails when the client has left.
func WriteError(w http.ResponseWriter, err *api.Error) error {
	return Write(w, err.Status, struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{err.Code, err.Message})
}

// None is the answer of operations that return nothing.
type None struct{}

// Epoch is a time as the protocol writes it: seconds since 1970.
type Epoch time.Time

// EpochOf returns t, or nil when it is zero: an absent time.
func EpochOf(t time.Time) *Epoch {
	if t.IsZero() {
		return nil
	}
	e := Epoch(t)
	return &e
}

// MarshalJSON writes the seconds with milliseconds.
func (e Epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(e).UnixMilli())/1000, 'f', -1, 64), nil
}
