package cas

// HoldAtMost has parts larger than n streamed.
func (s *Store) HoldAtMost(n int64) { s.heldMax = n }
