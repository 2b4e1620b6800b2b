package grpcproblem_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/problem/grpcproblem"
)

func TestEveryKindSurvivesTheWire(t *testing.T) {
	t.Parallel()
	for _, k := range problem.Kinds() {
		sent := problem.Wrap(errors.New("arn:aws:s3:::secret"), k, "it broke", "fix it").WithReason("BROKEN")
		s := grpcproblem.Status(fmt.Errorf("serving: %w", sent))
		if s.Code() == codes.OK || strings.HasPrefix(s.Code().String(), "Code(") {
			t.Errorf("%v: code %v", k, s.Code())
		}
		if strings.Contains(s.Proto().String(), "arn:") {
			t.Errorf("%v: the cause is on the wire: %v", k, s.Proto())
		}
		got := problem.From(grpcproblem.FromClient(s.Err()))
		if got.Kind() != k || got.Message() != "it broke" || got.Hint() != "fix it" || got.Reason() != "BROKEN" {
			t.Errorf("%v came back as %v %q %q %q", k, got.Kind(), got.Message(), got.Hint(), got.Reason())
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	inner := status.Error(codes.NotFound, "arn:aws:s3:::secret")
	for _, tc := range []struct {
		name string
		err  error
		want codes.Code
		text string
	}{
		{"nil", nil, codes.OK, ""},
		{"unclassified", errors.New("boom"), codes.Internal, "server error: the operator finds the cause in the server log"},
		{"a status is passed on", status.Error(codes.DataLoss, "x"), codes.DataLoss, "x"},
		{"a status inside an error is only a cause", fmt.Errorf("calling: %w", inner), codes.Internal,
			"server error: the operator finds the cause in the server log"},
		{"exact text without a hint (facts WIRE §7.1)", problem.New(problem.Unauthenticated, "Token is invalid", ""),
			codes.Unauthenticated, "Token is invalid"},
	} {
		s := grpcproblem.Status(tc.err)
		if s.Code() != tc.want || s.Message() != tc.text {
			t.Errorf("%s: %v %q, want %v %q", tc.name, s.Code(), s.Message(), tc.want, tc.text)
		}
	}
}

func TestFromClientOfAnotherServer(t *testing.T) {
	t.Parallel()
	err := grpcproblem.FromClient(status.Error(codes.Unknown, "odd"))
	if p := problem.From(err); p.Kind() != problem.Internal || p.Message() != "odd" {
		t.Errorf("got %v %q", p.Kind(), p.Message())
	}
	if grpcproblem.FromClient(nil) != nil {
		t.Error("FromClient(nil) is not nil")
	}
}
