//! Several futures at a time, and no more.

use std::future::poll_fn;
use std::task::Poll;

use crate::service::BoxFuture;

/// Runs all to their ends, at most `at_once` at a time; the results keep the order.
pub(crate) async fn bounded<T>(futures: Vec<BoxFuture<'_, T>>, at_once: usize) -> Vec<T> {
    let mut waiting = futures.into_iter().enumerate();
    let mut running: Vec<(usize, BoxFuture<'_, T>)> = Vec::new();
    let mut done: Vec<(usize, T)> = Vec::new();
    poll_fn(|context| {
        loop {
            while running.len() < at_once
                && let Some(next) = waiting.next()
            {
                running.push(next);
            }
            let before = done.len();
            running.retain_mut(|(index, future)| match future.as_mut().poll(context) {
                Poll::Ready(output) => {
                    done.push((*index, output));
                    false
                }
                Poll::Pending => true,
            });
            // Who has ended makes room for others, which must be polled before they can wake anyone.
            if done.len() == before {
                return if running.is_empty() { Poll::Ready(()) } else { Poll::Pending };
            }
        }
    })
    .await;
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, output)| output).collect()
}
