// The writing thread.
#include <new>
#include <utility>

#include "journal/core.hpp"

namespace mbx::journal {

void Core::write_on()
{
    Lock lock(mutex_);
    while (!failed_.load()) {
        await_work(lock);
        if (failed_.load()) break;  // by the preparing thread: nothing is written behind that
        const bool must_checkpoint = asked_checkpoint_ > checkpoint_;
        if (pending_.empty() && !must_checkpoint && stopping_) break;
        if (pending_.empty() && !must_checkpoint) continue;
        try {
            Batch batch = take_batch();
            if (batch.file == nullptr) {
                checkpoint_by_state_file(lock);
            } else {
                commit(lock, batch);
            }
        } catch (const std::bad_alloc&) {
            // HOSTILE row G5: what was taken cannot be written any more, so nobody may be told that it was.
            if (!lock.owns_lock()) lock.lock();
            fail(lock, "writing the journal", FileError{ENOMEM});
        }
    }
    writer_ended_ = true;
    progress_.notify_all();
}

bool Core::is_due(std::chrono::steady_clock::time_point now) const
{
    if (stopping_ || failed_.load() || asked_checkpoint_ > checkpoint_) return true;
    if (pending_.empty()) return false;
    const Group& oldest = pending_.front();
    return wanted_ >= oldest.first || pending_bytes_ >= kLazyBytes || now >= oldest.due;
}

// After work it looks once more by itself before it sleeps for good: under load nobody has to wake it only for the alarm.
void Core::await_work(Lock& lock)
{
    bool may_doze = true;
    while (!is_due(std::chrono::steady_clock::now())) {
        if (!pending_.empty()) {
            work_.wait_until(lock, pending_.front().due);
        } else if (may_doze) {
            is_dozing_ = true;
            may_doze = work_.wait_for(lock, options_.lazy_delay) == std::cv_status::no_timeout;
            is_dozing_ = false;
        } else {
            work_.wait(lock);
        }
    }
}

void Core::leave_segments_before(std::uint64_t number)
{
    while (!open_.empty() && open_.front().number < number) {
        OpenSegment& left = open_.front();
        used_.push_back({left.number, left.bytes, left.last});
        open_.pop_front();
    }
}

// Under the lock. Without a file: only a checkpoint is asked for, and no segment has a block left.
Core::Batch Core::take_batch()
{
    Batch batch;
    FrameHeader& header = batch.header;
    if (!pending_.empty()) {
        leave_segments_before(pending_.front().segment);
    } else if (!open_.empty() && open_.front().bytes - open_.front().written < kBlock && open_.size() > 1) {
        leave_segments_before(open_[1].number);
    }
    if (open_.empty() || (pending_.empty() && open_.front().bytes - open_.front().written < kBlock)) {
        if (needs_preparing()) prepare_.notify_one();
        return batch;
    }
    OpenSegment& segment = open_.front();
    header.identity = identity_;
    header.generation = segment.number;
    header.offset = segment.written;
    header.first = pending_.empty() ? next_.load() : pending_.front().first;
    header.claims_durable = written_;
    header.checkpoint = asked_checkpoint_;
    header.previous = previous_;
    take_groups(segment, batch);
    segment.written += header.extent();
    segment.is_used = true;
    // Not at each commit: the other thread would be woken in vain.
    if (needs_preparing()) prepare_.notify_one();
    batch.file = segment.file.get();
    return batch;
}

void Core::take_groups(OpenSegment& segment, Batch& batch)
{
    std::uint64_t body = 0;
    while (!pending_.empty() && pending_.front().segment == segment.number) {
        Group& group = pending_.front();
        if (body != 0 && body + group.body > kFrameTarget) break;
        body += group.body;
        batch.header.records += static_cast<std::uint32_t>(group.records.size());
        segment.reserved -= group.alone();
        segment.last = group.last();
        pending_bytes_ -= group.body - group.records.size() * kRecordHeader;
        batch.groups.push_back(std::move(group));
        pending_.pop_front();
    }
    batch.header.body = static_cast<std::uint32_t>(body);
}

Result<void, FileError> Core::write_batch(Batch& batch)
{
    const auto add_all = [&batch](FrameBuffer& buffer) {
        for (const Group& group : batch.groups) {
            for (const Payload& payload : group.records) buffer.add(payload);
        }
    };
    const std::string_view frame = buffer_.build(batch.header, add_all);
    if (auto done = batch.file->write_at(batch.header.offset, frame); !done) return done.error();
    if (mode_ == WriteMode::durable) return {};
    return batch.file->sync_data();
}

void Core::commit(Lock& lock, Batch& batch)
{
    lock.unlock();
    const SteadyTime began = clock_.steady();
    const auto done = write_batch(batch);
    const std::chrono::duration<double> took = clock_.steady() - began;
    lock.lock();
    if (!done) {
        fail(lock, "writing the journal", done.error());
        return;
    }
    meters_.commit_seconds.observe(took.count());
    meters_.commits.add();
    meters_.bytes.add(batch.header.extent());
    if (batch.header.records != 0) meters_.records_per_commit.observe(batch.header.records);
    meters_.records.add(batch.header.records);
    settle(batch);
    lock.unlock();
    batch.groups.clear();
    tell_progress();
    lock.lock();
}

void Core::settle(const Batch& batch)
{
    const FrameHeader& header = batch.header;
    previous_ = header.crc;
    if (header.records != 0) {
        written_ = header.last();
        durable_.store(written_);
    }
    if (header.checkpoint > checkpoint_) settle_checkpoint(header.checkpoint);
    show_gauges();
    progress_.notify_all();
}

void Core::settle_checkpoint(Lsn checkpoint)
{
    checkpoint_ = checkpoint;
    forget_backlog();
    while (!used_.empty() && used_.front().last <= checkpoint_) {
        spare_.push_back(used_.front());
        used_.pop_front();
    }
    prepare_.notify_one();
}

// The disk is full and the journal too: without this the checkpoint that gives room back could not be made.
void Core::checkpoint_by_state_file(Lock& lock)
{
    const Lsn checkpoint = asked_checkpoint_;
    const Lsn ceiling = ceiling_;
    lock.unlock();
    const auto done = store_state(false, ceiling, checkpoint);
    lock.lock();
    if (!done) {
        fail(lock, "writing the journal's checkpoint", done.error());
        return;
    }
    settle_checkpoint(checkpoint);
    show_gauges();
    progress_.notify_all();
}

void Core::fail(Lock& lock, const char* doing, const FileError& error)
{
    if (failed_.exchange(true)) return;
    meters_.failed.set(1);
    log_.error("journal failed", {{"doing", doing}, {"error", error.name()}, {"durable", written_}});
    progress_.notify_all();
    work_.notify_all();
    prepare_.notify_all();
    lock.unlock();
    tell_progress();
    lock.lock();
}

}  // namespace mbx::journal
