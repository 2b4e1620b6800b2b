package controlplane

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/problem"
)

// leftOffKey is where an answer says what its list leaves out: the messages of lists that
// existing clients know have no place for that.
const leftOffKey = "managedcas-left-off"

// leaveOff says with the answer to a call, in ASCII, what its list leaves out.
func leaveOff(ctx context.Context, what string) {
	_ = grpc.SetHeader(ctx, metadata.Pairs(leftOffKey, what)) // without a call there is nobody to be told
}

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
