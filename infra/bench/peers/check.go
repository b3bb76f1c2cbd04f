package main

import (
	"context"
	"errors"
	"fmt"

	"portcullis/infra/bench/load"
)

// errUnlike says that a product is not set up as the others are.
var errUnlike = errors.New("it does not lock as the others do")

// rightPassword is every user's; each product takes it.
const rightPassword = "correct horse battery 9"

// wrongPassword is the n-th wrong guess.
func wrongPassword(n int) string { return fmt.Sprintf("wrong horse battery %d", n) }

// check wants of a product: right and wrong are told apart, the maximum of wrong
// guesses in a row locks, also the right password, and an unlocked user gets in.
func check(ctx context.Context, p product) error {
	const user = "checked"
	if err := p.create(ctx, user, rightPassword); err != nil {
		return err
	}
	conn, err := load.Dial(ctx, p.base())
	if err != nil {
		return err
	}
	defer conn.Close()
	expect := func(password string, want ...verdict) error {
		answer, err := conn.Do(ctx, p.guess(user, password))
		if err != nil {
			return err
		}
		for _, v := range want {
			if p.judge(answer) == v {
				return nil
			}
		}
		return fmt.Errorf("%w: got %d %.200q, want %v", errUnlike, answer.Status, answer.Body, want)
	}
	err = expect(rightPassword, right)
	for n := 1; n < maximum && err == nil; n++ {
		err = expect(wrongPassword(n), wrong)
	}
	if err != nil {
		return err
	}
	// The guess that locks may be told either.
	if err := errors.Join(expect(wrongPassword(maximum), wrong, locked), expect(rightPassword, locked)); err != nil {
		return err
	}
	if err := p.unlock(ctx, user); err != nil {
		return err
	}
	return expect(rightPassword, right)
}
