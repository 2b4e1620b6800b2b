package awscloud

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/managedcas/managedcas/internal/cloud"
)

// pages are the tokens that a listing has followed. SDK paginators follow one that leads
// back for ever, or, if they are told to, take the list for complete: what is not on it
// would count as gone.
type pages map[string]bool

// follow notes the token of the next page.
func (p pages) follow(token *string) error {
	next := aws.ToString(token)
	if next != "" && p[next] {
		return fmt.Errorf("%w: a page of the list leads back to one before it", cloud.ErrUnavailable)
	}
	p[next] = true
	return nil
}
