package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// What a list leaves off is told once, and no more of it than a line.
func TestWhatIsLeftOffIsTold(t *testing.T) {
	t.Parallel()
	failed := errors.New("the call's own")
	for said, want := range map[string][]string{
		"": nil, "only the first 10 are listed": {"only the first 10 are listed"}, strings.Repeat("x", 300): {strings.Repeat("x", 200)},
	} {
		var told []string
		call := tellLeftOff(func(line string) { told = append(told, line) })
		err := call(t.Context(), "/x/Y", nil, nil, nil, func(_ context.Context, _ string, _, _ any, _ *grpc.ClientConn, options ...grpc.CallOption) error {
			for _, option := range options {
				if header, ok := option.(grpc.HeaderCallOption); ok && said != "" {
					*header.HeaderAddr = metadata.Pairs("managedcas-left-off", said)
				}
			}
			return failed
		})
		if !errors.Is(err, failed) || !slices.Equal(told, want) {
			t.Errorf("%q: told %q, %v", said, told, err)
		}
	}
	quiet := tellLeftOff(nil)
	if err := quiet(t.Context(), "/x/Y", nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }); err != nil {
		t.Error(err)
	}
}
