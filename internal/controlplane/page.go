package controlplane

import "github.com/managedcas/managedcas/internal/problem"

// pageLimit is how many items a page has: as many as were asked for, pageSize by default
// and at most.
func pageLimit(asked int32) (int, error) {
	switch {
	case asked == 0:
		return pageSize, nil
	case asked < 0 || asked > pageSize:
		return 0, problem.New(problem.Invalid, "the limit is out of range", "use 1 to 100")
	}
	return int(asked), nil
}

func errCursor(cause error) error {
	return problem.Wrap(cause, problem.Invalid, "that is not a cursor", "use the next_cursor of the page before")
}
