/** A job to do, as a worker received it. */
export interface JobMessage {
  readonly jobId: string;
  /** What the queue needs to find the message again, such as a receipt handle. */
  readonly receipt: string;
}

/**
 * Tells workers which jobs to do. It may deliver a job twice or late, never not at all: the lease in the job's
 * record decides who works on it.
 */
export interface JobQueue {
  send(jobId: string): Promise<void>;
  /**
   * Waits for a job.
   * @throws the signal's reason when it aborts.
   */
  receive(signal: AbortSignal): Promise<JobMessage>;
  /** A job that waits already, if there is one. */
  receiveNow(): Promise<JobMessage | undefined>;
  /** Keeps the message from other workers for this long from now. */
  extend(message: JobMessage, seconds: number): Promise<void>;
  /** Hands the message back, for delivery after the delay. */
  release(message: JobMessage, delaySeconds: number): Promise<void>;
  /** Nothing is left to do for this message. */
  done(message: JobMessage): Promise<void>;
  /** The job failed for good: puts the message aside, for whoever runs the server to look into. */
  bury(message: JobMessage): Promise<void>;
}
