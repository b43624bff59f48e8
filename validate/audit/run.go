package audit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/acmdoctor/acmdoctor/validate"
)

// How often a run that says nothing else hands on its output and notes its state.
const (
	DefaultFlush      = 200 * time.Millisecond
	DefaultCheckpoint = time.Second
)

// window is how many items may wait for an earlier one where the order is kept.
const window = 8192

// ErrOutput is wrapped by the error of an output that cannot be written.
var ErrOutput = errors.New("the output cannot be written")

// ErrReading is wrapped by the error of an input that cannot be read on, as opposed to one line of it.
var ErrReading = errors.New("the input cannot be read")

// Run is an audit to be made. Its fields must not be changed while it runs.
type Run struct {
	// Check is how records are checked: CheckEach of a [validate.Checker]. It is not nil.
	Check func(context.Context, iter.Seq[validate.Record]) iter.Seq2[validate.Numbered, error]
	// Output gets a line for each item, as soon as its check is done; nil: none is written.
	Output io.Writer
	// File is the output in place of Output where it is a file of the run's own, open for reading and writing. It is emptied,
	// or cut to what State says is good.
	File *os.File
	// State is how a later run goes on after this one was cut off; nil: it does not. With File each item has its line
	// once whatever happened; with Output so after an interruption, while a crash may repeat the lines of the last
	// Checkpoint.
	State    *State
	Since    *Baseline          // an earlier run to compare with; nil: none
	Ordered  bool               // lines come in the order of the input, with at most 8192 waiting
	WithFile bool               // lines name the input they come from
	Resumed  func(Summary)      // told what is done already, before anything else; nil: nobody is
	Each     func(Result) error // told each result once its line is written, one at a time; its error ends the run; nil: nobody is
	// Abandon is called once the run is about to end, early or not, so that an input that is being waited for lets go; nil:
	// nothing is. It must be safe to call from another goroutine.
	Abandon    func()
	Flush      time.Duration    // how long a line may wait to be handed on; 0: [DefaultFlush]
	Checkpoint time.Duration    // how often State is noted; 0: [DefaultCheckpoint]
	Now        func() time.Time // nil: time.Now
}

// Do checks all items and gives the summary, of earlier runs by the same State too; it is right as far as it goes where an
// error ends the run. The error wraps [ErrOutput], [ErrState], [ErrReading], or is the context's, that of Each or that of the
// check. The items are ranged over once, also when the run ends early.
func (r *Run) Do(ctx context.Context, items iter.Seq[Item]) (Summary, error) {
	w := &work{run: r, inputHash: sha256.New(), open: map[int]Item{}, room: make(chan struct{}, 1), waiting: map[int]Result{}}
	w.begun = w.now()
	w.sum.Began = w.begun
	if r.State != nil {
		if err := r.State.usable(); err != nil {
			return Summary{}, err
		}
		unlock, err := r.State.lock()
		if err != nil {
			return Summary{}, err
		}
		defer unlock()
	}
	next, stop := iter.Pull(items)
	defer stop()
	again, err := w.resume(next)
	if err != nil {
		return w.summary(), err
	}
	if err := w.openOutput(); err != nil {
		return w.summary(), err
	}
	if err := w.save(); err != nil {
		return w.summary(), err
	}
	err = w.check(ctx, again, next)
	if w.failed() == nil {
		err = errors.Join(err, w.end(err == nil))
	}
	return w.summary(), err
}

// work is a run under way.
type work struct {
	run    *Run
	begun  time.Time
	before time.Duration // that earlier runs took

	mu        sync.Mutex // of all below: items are taken in one goroutine and done in another
	taken     int
	open      map[int]Item // taken and not in the output, by place in the input
	inputHash hash.Hash
	sum       Summary
	out       *bufio.Writer
	written   int64 // bytes of the output, those in out too
	err       error // the first that ends the run

	waiting map[int]Result // done and waiting for an earlier one
	first   int            // the place of the first item that is not in the output, where the order is kept
	room    chan struct{}  // told when first moves
}

func (w *work) now() time.Time {
	if w.run.Now != nil {
		return w.run.Now()
	}
	return time.Now()
}

func (w *work) summary() Summary {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sum.Elapsed = w.before + w.now().Sub(w.begun)
	return w.sum.clone()
}

// failed gives the error after which nothing more is written.
func (w *work) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// placed is an item with its place in the input.
type placed struct {
	place int
	item  Item
}

// resume reads the part of the input that an earlier run took, sees that it is the same, and gives what of it is still to
// be done. Nothing is changed before all is found in order.
func (w *work) resume(next func() (Item, bool)) ([]placed, error) {
	if w.run.State == nil {
		return nil, nil
	}
	s, err := w.run.State.load()
	if err != nil || s == nil {
		return nil, err
	}
	path := w.run.State.Path
	anew := fmt.Sprintf("name the input that was begun, or remove %s to begin anew", path)
	if s.Ordered != w.run.Ordered {
		return nil, fmt.Errorf("%w: the run was begun with its lines in another order; go on as it was begun, or remove %s to begin anew", ErrState, path)
	}
	if (s.Output != nil) != (w.run.File != nil) {
		return nil, fmt.Errorf("%w: the run was begun with another kind of output; name the same file, or none, as then, or remove %s to begin anew", ErrStateOutput, path)
	}
	var again []placed
	for n := range s.Taken {
		item, ok := next()
		if !ok {
			return nil, fmt.Errorf("%w: it has %d records, and %d of the other were read already; %s", ErrStateInput, n, s.Taken, anew)
		}
		if err := readingError(item); err != nil {
			return nil, err
		}
		item.addTo(w.inputHash)
		if len(s.Open) > 0 && s.Open[0] == n {
			s.Open = s.Open[1:]
			w.open[n] = item
			again = append(again, placed{n, item})
		} else if w.run.Since != nil {
			w.run.Since.saw(item)
		}
	}
	if hex.EncodeToString(w.inputHash.Sum(nil)) != s.Input {
		return nil, fmt.Errorf("%w: its first %d records are not those that were read; %s", ErrStateInput, s.Taken, anew)
	}
	if s.Output != nil {
		if err := s.Output.check(w.run.File, path); err != nil {
			return nil, err
		}
		w.written = s.Output.Bytes
	}
	w.taken, w.first = s.Taken, s.Taken-len(again)
	w.before, w.sum = s.Summary.Elapsed, s.Summary
	if w.run.Resumed != nil {
		w.run.Resumed(w.sum.clone())
	}
	return again, nil
}

// readingError gives the error of an item that is no fault of the item, but of reading.
func readingError(i Item) error {
	if i.Err == nil || errors.Is(i.Err, validate.ErrInput) || errors.Is(i.Err, validate.ErrNoRecord) {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrReading, i.Err)
}

func (w *work) openOutput() error {
	to := w.run.Output
	if file := w.run.File; file != nil {
		err := file.Truncate(w.written)
		if err == nil {
			_, err = file.Seek(w.written, io.SeekStart)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrOutput, err)
		}
		to = file
	}
	if to == nil {
		to = io.Discard
	}
	w.out = bufio.NewWriterSize(to, 256<<10)
	return nil
}

// check feeds the items to the check and takes what comes.
func (w *work) check(ctx context.Context, again []placed, next func() (Item, bool)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel(nil)
	background.Go(func() { w.tick(ctx, cancel) })
	if w.run.Abandon != nil {
		background.Go(func() {
			<-ctx.Done()
			w.run.Abandon()
		})
	}

	var mu sync.Mutex
	checked := map[int]int{} // the number of a record in the check → its place in the input
	sent := 0
	records := func(yield func(validate.Record) bool) {
		for {
			p, ok := w.take(ctx, &again, next, cancel)
			if !ok {
				return
			}
			if !p.item.isChecked() {
				if err := w.done(p.place, validate.Numbered{}); err != nil {
					cancel(err)
					return
				}
				continue
			}
			mu.Lock()
			checked[sent] = p.place
			sent++
			mu.Unlock()
			if !yield(p.item.Record) {
				return
			}
		}
	}
	for n, err := range w.run.Check(ctx, records) {
		if err == nil {
			mu.Lock()
			place := checked[n.Index]
			delete(checked, n.Index)
			mu.Unlock()
			err = w.done(place, n)
		}
		if err != nil {
			cancel(err)
			break
		}
	}
	return context.Cause(ctx)
}

// take gives the next item to be done, noted as taken; false at the end of the input or of the run.
func (w *work) take(ctx context.Context, again *[]placed, next func() (Item, bool), cancel context.CancelCauseFunc) (placed, bool) {
	if ctx.Err() != nil {
		return placed{}, false
	}
	if len(*again) > 0 {
		p := (*again)[0]
		*again = (*again)[1:]
		return p, true
	}
	if !w.awaitRoom(ctx) {
		return placed{}, false
	}
	item, ok := next()
	if !ok || ctx.Err() != nil {
		return placed{}, false
	}
	if err := readingError(item); err != nil {
		cancel(err)
		return placed{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p := placed{w.taken, item}
	w.open[p.place] = item
	w.taken++
	if w.run.State != nil {
		item.addTo(w.inputHash)
	}
	return p, true
}

// awaitRoom waits, where the order is kept, until not too many items wait for an earlier one.
func (w *work) awaitRoom(ctx context.Context) bool {
	for {
		w.mu.Lock()
		full := w.run.Ordered && w.taken-w.first >= window
		w.mu.Unlock()
		if !full {
			return true
		}
		select {
		case <-w.room:
		case <-ctx.Done():
			return false
		}
	}
}

// done writes what became of the item at a place, now or when it is its turn.
func (w *work) done(place int, n validate.Numbered) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	result := Result{Item: w.open[place], Report: n.Report}
	if !w.run.Ordered {
		return w.write(place, result)
	}
	w.waiting[place] = result
	for {
		first, ok := w.waiting[w.first]
		if !ok {
			return nil
		}
		delete(w.waiting, w.first)
		if err := w.write(w.first, first); err != nil {
			return err
		}
		w.first++
		select {
		case w.room <- struct{}{}:
		default:
		}
	}
}

// write writes a result. It is called under the lock.
func (w *work) write(place int, result Result) error {
	if w.run.Since != nil {
		result.Since, result.Was = w.run.Since.Compare(result)
	}
	var body []byte
	var err error
	if result.Item.isChecked() {
		body, err = json.Marshal(result.Report)
	} else {
		body, err = result.Item.Unreadable()
	}
	if err != nil {
		w.err = fmt.Errorf("audit: write the report on line %d: %w", result.Item.Line, err)
		return w.err
	}
	if result.Item.isNone() {
		delete(w.open, place)
		return w.tell(result)
	}
	line := appendHead(make([]byte, 0, len(body)+128), result.Item, w.run.WithFile, result.Since, result.Was)
	line = append(append(line, body[1:]...), '\n')
	if _, err := w.out.Write(line); err != nil {
		w.err = fmt.Errorf("%w: %w", ErrOutput, err)
		return w.err
	}
	w.written += int64(len(line))
	w.sum.add(result)
	delete(w.open, place)
	return w.tell(result)
}

func (w *work) tell(result Result) error {
	if w.run.Each != nil {
		w.err = w.run.Each(result)
	}
	return w.err
}

// tick hands the output on and notes the state from time to time, also while nothing comes.
func (w *work) tick(ctx context.Context, cancel context.CancelCauseFunc) {
	flush, checkpoint := w.run.Flush, w.run.Checkpoint
	if flush <= 0 {
		flush = DefaultFlush
	}
	if checkpoint <= 0 {
		checkpoint = DefaultCheckpoint
	}
	flushes, checkpoints := time.NewTicker(flush), time.NewTicker(checkpoint)
	defer flushes.Stop()
	defer checkpoints.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-flushes.C:
			err = w.flush()
		case <-checkpoints.C:
			err = w.save()
		}
		if err != nil {
			cancel(err)
			return
		}
	}
}

func (w *work) flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flushLocked()
}

func (w *work) flushLocked() error {
	if w.err == nil {
		if err := w.out.Flush(); err != nil {
			w.err = fmt.Errorf("%w: %w", ErrOutput, err)
		}
	}
	return w.err
}

// save brings the output to the disk, and then the state that speaks of it.
func (w *work) save() error {
	if w.run.State == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.flushLocked(); err != nil {
		return err
	}
	s := saved{
		Ordered: w.run.Ordered, Taken: w.taken, Open: slices.Sorted(maps.Keys(w.open)),
		Input: hex.EncodeToString(w.inputHash.Sum(nil)), Summary: w.sum,
	}
	s.Summary.Elapsed = w.before + w.now().Sub(w.begun)
	if file := w.run.File; file != nil {
		err := file.Sync()
		if err == nil {
			s.Output, err = goodOf(file, w.written)
		}
		if err != nil {
			w.err = fmt.Errorf("%w: %w", ErrOutput, err)
			return w.err
		}
	}
	if err := w.run.State.save(s); err != nil {
		w.err = err
	}
	return w.err
}

// end hands on the rest of the output. The state of a complete run is removed, once all of it is on the disk.
func (w *work) end(complete bool) error {
	if w.run.State != nil && !complete {
		return w.save()
	}
	if err := w.flush(); err != nil {
		return err
	}
	if file := w.run.File; file != nil {
		if err := file.Sync(); err != nil {
			return fmt.Errorf("%w: %w", ErrOutput, err)
		}
	}
	if w.run.State != nil {
		return w.run.State.remove()
	}
	return nil
}
