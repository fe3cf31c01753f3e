/**
 * Carries short messages between the processes of a fleet: what changed, and the heartbeats by which each knows that
 * it still hears. Redis pub/sub (`redisChannel`) or Postgres LISTEN (`postgresChannel`), on a connection of its own.
 *
 * Messages of one sender arrive in the order in which they were sent, or not at all. A driver passes
 * `channelContract` of `keyward/testing`.
 */
export interface Channel {
  /**
   * Begins to listen, and resolves once it does. From then on the channel mends itself: after a loss it connects
   * again, and says so by `connected`.
   *
   * @throws {StoreUnavailableError} When the server cannot be reached. May be called again.
   */
  open(listener: ChannelListener): Promise<void>

  /**
   * Sends a message to every listener, this process among them, and resolves once the server has taken it.
   *
   * @param message - At most 4,096 characters of printable ASCII.
   * @throws {StoreUnavailableError} When the server does not take it within a second.
   */
  publish(message: string): Promise<void>

  /** Ends the listening, and the connections that the channel itself began. */
  close(): Promise<void>
}

/** Who listens to a {@link Channel}. */
export interface ChannelListener {
  /** Hears a message. */
  heard(message: string): void
  /** Is told that a new connection listens from now on: what was sent before it did may have been missed. */
  connected(): void
}
