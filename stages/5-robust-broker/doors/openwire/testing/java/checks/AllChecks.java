/** The stock Java client of ActiveMQ against the server whose url is the first argument: every check in turn. */
public final class AllChecks {
    public static void main(String[] arguments) throws Exception {
        Harness.begin(arguments[0]);
        MessageChecks.all();
        AckChecks.all();
        DestinationChecks.all();
        ConnectionChecks.all();
        System.exit(0);
    }
}
