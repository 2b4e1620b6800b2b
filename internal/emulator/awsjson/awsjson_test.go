package awsjson_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
)

type page struct{ Limit *int }

type input struct {
	page
	Name    string
	Tags    []struct{ Key, Value string }
	Context map[string]string
	Secret  []byte `json:"SecretBinary"`
}

// Requests mean what AWS would take them to mean, or are refused.
func TestInput(t *testing.T) {
	t.Parallel()
	handler := awsjson.Typed("svc", func(_ context.Context, _ *api.Caller, in input) (string, error) {
		limit := 0
		if in.Limit != nil {
			limit = *in.Limit
		}
		return fmt.Sprintf("%d %s %v %v %s", limit, in.Name, in.Tags, in.Context, in.Secret), nil
	})
	for _, tc := range []struct{ body, want, code string }{
		{``, "0  [] map[] ", ""},
		{`{}`, "0  [] map[] ", ""},
		{`{"Limit":1,"Name":"n","Tags":[{"Key":"k","Value":"v"}],"Context":{"a":"b","A":"c"},"SecretBinary":"eA=="}`, "1 n [{k v}] map[A:c a:b] x", ""},
		{`{"Name":null,"Tags":null}`, "0  [] map[] ", ""},
		{`{"name":"n"}`, "", "SerializationException"},
		{`{"limit":1}`, "", "SerializationException"},
		{`{"secretBinary":"eA=="}`, "", "SerializationException"},
		{`{"Tags":[{"key":"k"}]}`, "", "SerializationException"},
		{`{"Name":"a","Name":"b"}`, "", "SerializationException"},
		{`{"Name":"a","\u004eame":"b"}`, "", "SerializationException"},
		{`{"Tags":[{"Key":"a","Key":"b"}]}`, "", "SerializationException"},
		{`{"Context":{"a":"b","a":"c"}}`, "", "SerializationException"},
		{`{"Other":1}`, "", "NotImplemented"},
		{`{"Name":1}`, "", "SerializationException"},
		{`{"Name":"n"}{}`, "", "SerializationException"},
		{`{"Name":`, "", "SerializationException"},
		{`[]`, "", "SerializationException"},
	} {
		got, err := handler(t.Context(), nil, []byte(tc.body))
		code := ""
		if e, ok := errors.AsType[*api.Error](err); ok {
			code = e.Code
		}
		if code != tc.code || err == nil && got != tc.want {
			t.Errorf("%s: got %q, %v; want %q, %q", tc.body, got, err, tc.want, tc.code)
		}
	}
}
