package controlplane

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/problem"
)

// TestTokensTriedTogetherArePaidFor: who tries many tokens at the same moment is let in, and
// waits afterwards as if they had come one by one, up to as long as a burst takes.
func TestTokensTriedTogetherArePaidFor(t *testing.T) {
	t.Parallel()
	for tried, owed := range map[int]float64{1: 0, 15: 5, 100: 10} {
		l := newLimiter(Limits{PerAddress: Rate{PerSecond: 0.001, Burst: 10}}, func(string) bool { return false })
		var inside, over sync.WaitGroup
		inside.Add(tried)
		call := func(next grpc.UnaryHandler) error {
			_, err := l.arriving(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/x/Y"}, next)
			return err
		}
		for range tried {
			over.Go(func() {
				err := call(func(context.Context, any) (any, error) {
					inside.Done()
					inside.Wait()
					return nil, problem.New(problem.Unauthenticated, "Token is invalid", "")
				})
				if problem.KindOf(err) != problem.Unauthenticated {
					t.Errorf("one of %d: %v", tried, err)
				}
			})
		}
		over.Wait()
		if got := -l.addresses.of("").Tokens(); tried > 10 && (got > owed || got < owed-0.1) {
			t.Errorf("%d at the same moment owe %f, want %f", tried, got, owed)
		}
		err := call(func(context.Context, any) (any, error) { return nil, nil })
		if (err != nil) != (tried > 10) {
			t.Errorf("after %d: %v", tried, err)
		}
	}
}
