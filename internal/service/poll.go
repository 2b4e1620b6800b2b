package service

import (
	"context"
	"fmt"
	"time"
)

// pollTimeout is how long a part may take to come up.
const pollTimeout = 30 * time.Second

// Poll calls ask until it succeeds, every 20 ms for at most 30 s. When ctx ends before, its
// error is part of the answer.
func Poll(whole context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(whole, pollTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			if whole.Err() != nil {
				return fmt.Errorf("%w: %w", whole.Err(), err)
			}
			return fmt.Errorf("gave up after %s: %w", pollTimeout, err)
		case <-tick.C:
		}
	}
}
