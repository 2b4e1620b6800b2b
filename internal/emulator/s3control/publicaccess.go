package s3control

import (
	"context"
	"errors"
	"net/http"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// authorizeAccount authorizes an action on the account's own settings. Deleting
// them needs the permission to put them; there is no separate one.
func (s *Service) authorizeAccount(ctx context.Context, c *call, action string) error {
	return s.authorize(ctx, c, gate.Check{Action: action, Resource: "*", Account: s.cfg.AccountID})
}

func (s *Service) putAccountBlock(ctx context.Context, c *call) (any, error) {
	var in putAccountBlockRequest
	if err := decode(c.body, "PublicAccessBlockConfiguration", &in); err != nil {
		return nil, err
	}
	if err := in.Unknown.refuse("PutPublicAccessBlock"); err != nil {
		return nil, err
	}
	if err := s.authorizeAccount(ctx, c, "s3:PutAccountPublicAccessBlock"); err != nil {
		return nil, err
	}
	return nil, s.cfg.DB.Update(func(tx state.Tx) error {
		return s3state.AccountBlocks.Put(tx, s.cfg.AccountID, s3state.PublicAccessBlock(in.blockConfiguration))
	})
}

func (s *Service) getAccountBlock(ctx context.Context, c *call) (any, error) {
	if err := s.authorizeAccount(ctx, c, "s3:GetAccountPublicAccessBlock"); err != nil {
		return nil, err
	}
	var block s3state.PublicAccessBlock
	err := s.cfg.DB.View(func(tx state.Tx) (err error) {
		block, err = s3state.AccountBlocks.Get(tx, s.cfg.AccountID)
		return err
	})
	if errors.Is(err, state.ErrNotFound) {
		return nil, api.Errorf(http.StatusNotFound, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
	}
	if err != nil {
		return nil, err
	}
	return accountBlock{blockConfiguration: blockConfiguration(block)}, nil
}

func (s *Service) deleteAccountBlock(ctx context.Context, c *call) (any, error) {
	if err := s.authorizeAccount(ctx, c, "s3:PutAccountPublicAccessBlock"); err != nil {
		return nil, err
	}
	return nil, s.cfg.DB.Update(func(tx state.Tx) error {
		return s3state.AccountBlocks.Delete(tx, s.cfg.AccountID)
	})
}
