import java.io.File;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.store.kahadb.KahaDBPersistenceAdapter;

/** ActiveMQ as it comes: persistent, every write synced, STOMP and OpenWire on free ports of this machine. Ends with its input. */
public class ActiveMqPeer {
  public static void main(String[] args) throws Exception {
    BrokerService broker = new BrokerService();
    broker.setBrokerName("peer");
    broker.setUseJmx(false);
    KahaDBPersistenceAdapter store = new KahaDBPersistenceAdapter();
    store.setDirectory(new File(args[0]));
    broker.setPersistenceAdapter(store);
    int stomp = broker.addConnector("stomp://127.0.0.1:0").getConnectUri().getPort();
    int openWire = broker.addConnector("tcp://127.0.0.1:0").getConnectUri().getPort();
    broker.start();
    broker.waitUntilStarted();
    System.out.println("{\"stomp\":" + stomp + ",\"openWire\":" + openWire + "}");
    while (System.in.read() >= 0) {
      // Nothing is said to it.
    }
    broker.stop();
  }
}
